// The least that a Worker can do: hands on what the backend answers and, where there is a bucket, keeps blobs in it.
export default {
  async fetch(request, env, context) {
    const { pathname } = new URL(request.url);
    const bucket = pathname.includes('/blobs/') ? env.REGISTRY_CACHE : undefined;
    const kept = await bucket?.get(pathname);
    if (kept) return new Response(kept.body);
    const response = await fetch(env.REGISTRY_BACKEND + pathname, { method: request.method, headers: request.headers });
    if (!bucket) return new Response(response.body, response);
    const [one, other] = response.body.tee();
    const { readable, writable } = new FixedLengthStream(Number(response.headers.get('content-length')));
    context.waitUntil(Promise.all([one.pipeTo(writable), bucket.put(pathname, readable)]));
    return new Response(other, response);
  },
};
