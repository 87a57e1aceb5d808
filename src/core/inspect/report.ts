/** What an image is, as its registry has it. Texts are as they came: whoever shows them escapes them. */
export interface ImageReport {
  /** As a client writes it behind this host: `nginx:latest`, `ghcr.io/owner/app:tag`, `app@sha256:…`. */
  readonly image: string;
  readonly registry: string;
  /** As the registry has it, but for `REPO_PREFIX`, which clients never see. */
  readonly repository: string;
  /** Tag or digest. */
  readonly reference: string;
  readonly digest: string;
  readonly mediaType: string;
  /** `artifact`: something that runs on no platform, such as a chart of helm. */
  readonly kind: 'index' | 'image' | 'artifact';
  /** What an artifact says it is: `application/vnd.cncf.helm.config.v1+json`. */
  readonly artifactType?: string;
  /** One for an image of a single platform; what is about the images (attestations) is left out. */
  readonly platforms: readonly PlatformReport[];
  /** How many platforms were not looked into: there were too many, or they could not be had. */
  readonly omitted: number;
  /** Names of the first of them, as far as the index has any. */
  readonly others: readonly string[];
}

export interface PlatformReport {
  /** `linux/arm64/v8`; empty where nobody says. */
  readonly platform: string;
  readonly digest: string;
  /** Bytes of config and layers, as they travel. */
  readonly size: number;
  /** ISO 8601; absent where the config has none, or one that says nothing (reproducible builds). */
  readonly created?: string;
  /** The first of them, as many as an image that runs has. */
  readonly layers: readonly LayerReport[];
  /** Present where there are more. */
  readonly omittedLayers?: number;
}

export interface LayerReport {
  readonly digest: string;
  /** Bytes, as they travel. */
  readonly size: number;
  readonly mediaType: string;
  /** The command of the build that made it, where the history says. */
  readonly createdBy?: string;
}

/** What became of a look at an image. */
export type Inspection = { readonly report: ImageReport } | { readonly refused: Refusal };

/** Why somebody does not get to see it; fit to be shown. */
export interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  /** A Basic challenge to pass on, so that a browser asks for a login. */
  readonly challenge?: string;
  /** As in the field of that name. */
  readonly retryAfter?: string;
}
