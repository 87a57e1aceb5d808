import { RegistryError } from './errors';
import type { HeaderList } from './headers';

/** What is left of the body would be read as the next request. */
const CLOSE: HeaderList = [['connection', 'close']];

/** A client's small body has more bytes than are read of it. */
export function bodyTooLarge(limit: number): RegistryError {
  return new RegistryError(413, 'SIZE_INVALID', `the request body is larger than ${limit} bytes`, undefined, CLOSE);
}

/** A client's small body did not come, or not whole. */
export function bodyLate(): RegistryError {
  return new RegistryError(408, 'UNKNOWN', 'the request body did not come in time', undefined, CLOSE);
}
