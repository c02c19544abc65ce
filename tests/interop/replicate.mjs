// A phone made of RxDB's own HTTP replication, told by lines on stdin what to write, telling by lines on stdout what happens.
// node replicate.mjs CONFIG, a JSON file of {address, token, packages}: the documents that are written before anything is sent.
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { createRxDatabase } from "rxdb";
import { replicateRxCollection } from "rxdb/plugins/replication";
import { getRxStorageMemory } from "rxdb/plugins/storage-memory";
import { Subject } from "rxjs";

const config = JSON.parse(readFileSync(process.argv[2], "utf8"));
const text = { type: "string" };
const schema = {
  version: 0,
  primaryKey: "id",
  type: "object",
  properties: {
    id: { type: "string", maxLength: 36 },
    sealed: text,
    key_id: text,
    signature: text,
    hash: text,
    status: text,
    issues: { type: "array" },
    signable: { type: "boolean" },
    missing_evidence: { type: "array" },
    receipt: { type: "boolean" },
    problem: { type: "object" },
  },
  required: ["id", "sealed", "key_id", "signature"],
};

const tell = (event, members) => process.stdout.write(JSON.stringify({ event, ...members }) + "\n");

async function ask(path, options = {}) {
  const headers = { Authorization: `Bearer ${config.token}`, "Content-Type": "application/json" };
  const answer = await fetch(`${config.address}/mobile/v1/sync/packages/${path}`, { ...options, headers });
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
  return answer;
}

const database = await createRxDatabase({ name: "phone", storage: getRxStorageMemory(), multiInstance: false });
const { packages } = await database.addCollections({ packages: { schema } });
packages.$.subscribe((change) => tell("document", { document: change.documentData }));
for (const document of config.packages) await packages.insert(document);

const news = new Subject();
const gone = new AbortController();
const wait = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
let pulled;

// Node has no EventSource: read the events, each a page with its cursor, and go on from the last one when the stream ends.
async function listen() {
  while (!gone.signal.aborted) {
    await wait(100);
    if (!pulled) continue;
    try {
      const answer = await ask(`stream?cursor=${pulled}`, { signal: gone.signal });
      let rest = "";
      for await (const piece of answer.body.pipeThrough(new TextDecoderStream())) {
        const events = (rest + piece).split("\n\n");
        rest = events.pop();
        events.forEach(hear);
      }
    } catch (error) {
      tell("stream-ended", { message: String(error) });
    }
  }
}

function hear(event) {
  const fields = Object.fromEntries(event.split("\n").map((line) => line.split(/: ?(.*)/s)));
  if (fields.data === undefined) return;
  const page = fields.data === "RESYNC" ? "RESYNC" : JSON.parse(fields.data);
  if (page.checkpoint) pulled = page.checkpoint.cursor;
  tell("streamed", { ids: page === "RESYNC" ? [] : page.documents.map((one) => one.id) });
  news.next(page);
}

const replication = replicateRxCollection({
  collection: packages,
  replicationIdentifier: "anshao-packages",
  retryTime: 300,
  pull: {
    batchSize: 50,
    stream$: news,
    async handler(checkpoint, batchSize) {
      const cursor = checkpoint ? `&cursor=${checkpoint.cursor}` : "";
      const page = await (await ask(`pull?limit=${batchSize}${cursor}`)).json();
      pulled = page.checkpoint.cursor;
      tell("pulled", { ids: page.documents.map((one) => one.id) });
      return page;
    },
  },
  push: {
    batchSize: 20,
    async handler(rows) {
      const answer = await ask("push", { method: "POST", body: JSON.stringify(rows) });
      const documents = await answer.json();
      tell("pushed", { rows: rows.length, answered: documents.length });
      return documents;
    },
  },
});
replication.error$.subscribe((error) => tell("error", { message: String(error.parameters?.errors?.[0]?.message ?? error) }));
listen();
createInterface({ input: process.stdin }).on("line", async (line) => {
  const command = JSON.parse(line);
  if (command.insert) await packages.insert(command.insert);
  if (command.again) {
    const refused = await packages.findOne(command.again).exec();
    await refused.incrementalModify(({ status, problem, ...rest }) => rest);
  }
  if (command.settle) {
    await replication.awaitInSync();
    tell("settled", { documents: (await packages.find().exec()).map((one) => one.toJSON()) });
  }
  if (command.stop) {
    gone.abort();
    await database.close();
    process.exit(0);
  }
});
