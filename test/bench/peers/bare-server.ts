// What Node itself needs to answer a request.
import { createServer } from 'node:http';

createServer((_req, res) => res.end('ok\n')).listen(Number(process.env.PORT), '127.0.0.1');
