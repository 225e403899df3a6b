// Calls the test services as browsers do: Connect's client speaks the binary form, Google's the text form. Prints what
// it saw as one JSON object. Arguments: URL, file of a descriptor set.
import { readFileSync } from "node:fs";
import { create, createFileRegistry, fromBinary, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-web";
import { createRequire } from "node:module";

const [url, file] = process.argv.slice(2);
const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(file)));
const library = registry.getService("library.v1.Library");
const seen = {};

/** What a call ends with: its value, or the code and message of its error. */
async function outcome(call) {
  try {
    return { value: await call() };
  } catch (error) {
    const { code, rawMessage, details } = ConnectError.from(error);
    return { code, message: rawMessage, details: details.map((detail) => detail.type) };
  }
}

async function titles(stream) {
  const names = [];
  try {
    for await (const book of stream) names.push(book.name);
    return { names };
  } catch (error) {
    return { names, code: ConnectError.from(error).code };
  }
}

async function binary() {
  const client = createClient(library, createGrpcWebTransport({ baseUrl: url }));
  seen.unary = await outcome(async () => (await client.getBook({ name: "shelves/a/books/1" })).name);
  seen.failed = await outcome(() => client.fail({ code: 9, message: "not now: ü", details: true }));
  seen.stream = await titles(client.watchBooks({ parent: "shelves/a", count: 3 }));
  seen.broken = await titles(client.watchBooks({ parent: "shelves/a", count: 2, failCode: 10 }));
  seen.late = await outcome(() => client.wait({ time: { seconds: 20n } }, { timeoutMs: 200 }));
  const received = {};
  const options = {
    headers: { "x-asked": "yes" },
    onHeader: (headers) => (received.header = headers.get("x-told")),
  };
  const inspected = await client.inspect({ headers: { "x-told": "before" } }, options);
  seen.metadata = { ...received, asked: inspected.metadata["x-asked"]?.values };
}

async function text() {
  const require = createRequire(import.meta.url);
  globalThis.XMLHttpRequest = require("xhr2");
  const { GrpcWebClientBase, MethodDescriptor, MethodType } = require("grpc-web");
  const client = new GrpcWebClientBase({ format: "text" });
  const method = (name, type) => {
    const { input, output } = library.methods.find((one) => one.name === name);
    const path = `/library.v1.Library/${name}`;
    const write = (message) => toBinary(input, message);
    const read = (bytes) => fromBinary(output, bytes);
    return [path, MethodType[type], (fields) => create(input, fields), write, read];
  };
  const describe = ([path, type, , write, read]) => new MethodDescriptor(path, type, Object, Object, write, read);
  const get = method("GetBook", "UNARY");
  const fail = method("Fail", "UNARY");
  const watch = method("WatchBooks", "SERVER_STREAMING");
  const call = (one, fields) => client.unaryCall(url + one[0], one[2](fields), {}, describe(one));
  seen.textUnary = (await call(get, { name: "shelves/ü/books/1" })).name;
  seen.textFailed = await call(fail, { code: 5, message: "nowhere" }).catch(({ code, message }) => ({ code, message }));
  seen.textStream = await new Promise((resolve, reject) => {
    const names = [];
    const stream = client.serverStreaming(
      url + watch[0], watch[2]({ parent: "shelves/a", count: 3 }), {}, describe(watch));
    stream.on("data", (book) => names.push(book.name));
    stream.on("error", reject);
    stream.on("end", () => resolve(names));
  });
}

await binary();
await text();
console.log(JSON.stringify(seen));
process.exit(0);
