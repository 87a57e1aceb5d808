/** The mark of the page: layers. Its colours are its own, since a browser shows it on its own ground. */
export const FAVICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#1f5bd1"/><path d="M16 6l10 5-10 5-10-5z" fill="#fff"/><path d="M6 16l10 5 10-5M6 21l10 5 10-5" fill="none" stroke="#fff" stroke-width="2.4" stroke-linejoin="round" stroke-linecap="round"/></svg>`;

/** No page of ours is for a search engine: each of them asks registries. */
export const ROBOTS = 'User-agent: *\nDisallow: /\n';
