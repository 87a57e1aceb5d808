import { type Config, readConfig } from '../core/config';
import type { Sources } from '../core/given';
import type { Row } from '../core/registry-rows';
import { attemptsOf } from '../shell/admin-entrance';
import { RegistriesApi } from '../shell/registries-api';
import { readClientText } from './client-text';
import { answer } from './proxy';
import { RowsFile } from './rows-file';
import type { Session } from './session';

/** Milliseconds for the body of a request. */
const REQUEST_TIMEOUT = 10_000;

/** What can be done about the configuration of a process. */
export interface Administration {
  /** Reads all sources anew. */
  readonly read: () => Sources;
  /** What is served follows them. */
  readonly reload: () => Promise<void>;
}

/** `/-/api/registries` of a process: rows in the file that `REGISTRIES` names. */
export class RegistriesRoute {
  readonly #administration: Administration;
  #api: RegistriesApi | undefined;
  readonly #stores = new Map<string, RowsFile>();

  constructor(administration: Administration) {
    this.#administration = administration;
  }

  async serve(session: Session): Promise<void> {
    const { head, context, record } = session;
    const { config, guard, log } = context;
    const refused = guard.admit(head, config);
    const { token, file } = config.admin as { token: string; file: string };
    if (refused) return answer(session, refused);
    const request = {
      head,
      id: record.id,
      readBody: (limit: number) => readClientText(session, limit, REQUEST_TIMEOUT),
    };
    const place = {
      config,
      token,
      store: this.#storeAt(file),
      read: this.#read,
      onChange: this.#administration.reload,
      log,
    };
    this.#api ??= new RegistriesApi(attemptsOf(guard));
    return answer(session, await this.#api.serve(request, place));
  }

  readonly #read = (rows: readonly Row[]): Config => {
    const { env, argv, file, files } = this.#administration.read();
    return readConfig(env, argv, file, files, rows);
  };

  /** One for each file, so that changes of one wait for each other. */
  #storeAt(path: string): RowsFile {
    const store = this.#stores.get(path) ?? new RowsFile(path);
    this.#stores.set(path, store);
    return store;
  }
}
