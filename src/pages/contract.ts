export interface ImageReport {
  readonly image: string;
  readonly registry: string;
  readonly repository: string;
  readonly reference: string;
  readonly digest: string;
  readonly mediaType: string;
  readonly kind: 'index' | 'image' | 'artifact';
  readonly platforms: readonly PlatformReport[];
  readonly omitted: number;
}
export interface PlatformReport {
  readonly platform: string;
  readonly digest: string;
  readonly size: number;
  readonly created?: string;
  readonly layers: readonly LayerReport[];
}
export interface LayerReport {
  readonly digest: string;
  readonly size: number;
  readonly mediaType: string;
  readonly createdBy?: string;
}
export type Inspection = { readonly report: ImageReport } | { readonly refused: Refusal };
export interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly challenge?: string;
  readonly retryAfter?: string;
}
export interface Guide {
  readonly client: 'docker' | 'docker-mirror' | 'containerd' | 'podman' | 'crio' | 'k3s' | 'buildkit' | 'skopeo';
  readonly steps: readonly GuideStep[];
}
export interface GuideStep {
  readonly kind: 'command' | 'file';
  readonly path?: string;
  readonly text: string;
}
export interface PageState {
  readonly cache?: {
    readonly entries?: number;
    readonly bytes?: number;
    readonly maxBytes?: number;
    readonly hits: number;
    readonly misses: number;
  };
  readonly quotas: readonly {
    readonly registry: string;
    readonly account: string;
    readonly remaining: number;
    readonly limit?: number;
  }[];
}
export interface SearchHit {
  readonly name: string;
  readonly description: string;
  readonly stars: number;
  readonly isOfficial: boolean;
}
export type SearchResult = { readonly hits: readonly SearchHit[] } | { readonly refused: Refusal };
