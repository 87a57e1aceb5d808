/** What makes a client of a request, for the rules and for the URL by which it knows us. */
export const CLIENT_FIELDS = /^(host|forwarded|x-real-ip|x-forwarded-[a-z-]+)$/;
