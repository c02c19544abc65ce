// tus-js-client, told by JSON on stdin what to upload and how.
import { createReadStream, statSync } from 'node:fs'
import * as tus from 'tus-js-client'

let text = ''
for await (const piece of process.stdin) text += piece
const told = JSON.parse(text)

const errors = []
const upload = new tus.Upload(createReadStream(told.file), {
  ...told.options,
  uploadSize: statSync(told.file).size,
  headers: { Authorization: `Bearer ${told.token}` },
  metadata: told.metadata,
  onShouldRetry(error, attempt, options) {
    const status = error.originalResponse ? error.originalResponse.getStatus() : 0
    errors.push(status)
    return status === 0 || status === 409 || status === 423 || status >= 500
  },
  onError(error) {
    console.error(String(error))
    process.exit(1)
  },
  onSuccess() {
    console.log(JSON.stringify({ url: upload.url, errors }))
    process.exit(0)
  },
})
upload.start()
