/** Name and version from package.json, put in by the build; from source there is no build to speak of. */
declare const PROGRAM: string;

export const program = typeof PROGRAM === 'undefined' ? 'registry-proxy-serverless, from source' : PROGRAM;
