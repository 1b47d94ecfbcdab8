// The reference server in Node.js, as its README sets it up: node tus_server.mjs NODE_MODULES FOLDER PORT
import { createRequire } from "node:module";

const [modules, directory, port] = process.argv.slice(2);
const load = createRequire(`${modules}/`);
const { Server } = await import(load.resolve("@tus/server"));
const { FileStore } = await import(load.resolve("@tus/file-store"));

const server = new Server({ path: "/files", datastore: new FileStore({ directory }) });
server.listen({ host: "127.0.0.1", port: Number(port) });
