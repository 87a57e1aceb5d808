// Express and http-proxy-middleware as their documents show them.
import express from 'express';
import { createProxyMiddleware } from 'http-proxy-middleware';

const app = express();
app.get('/-/healthz', (_req, res) => {
  res.send('ok\n');
});
app.use(createProxyMiddleware({ target: process.env.BACKEND ?? '', changeOrigin: true }));
app.listen(Number(process.env.PORT), '127.0.0.1');
