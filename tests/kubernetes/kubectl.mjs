// In place of kubectl where there is no cluster: what would be sent to one is held
// against the API's schema.
//
//     kubectl.mjs kustomize FOLDER | apply -k FOLDER | create secret ...
import assert from 'node:assert/strict';
import { documents, kubectl, kustomize, moduleOf } from './manifests.mjs';

async function validate(objects) {
  assert.ok(objects.length);
  for (const object of objects) {
    const { [object.kind]: Model } = await import(moduleOf(object));
    new Model(object).validate();
    console.log(`${object.kind.toLowerCase()}/${object.metadata.name} is well-formed`);
  }
}

const [verb, ...words] = process.argv.slice(2);
const commands = {
  kustomize: () => process.stdout.write(kustomize(words[0])),
  apply: () => {
    assert.equal(words[0], '-k');
    return validate(documents(kustomize(words[1])));
  },
  create: () => validate(documents(kubectl('create', ...words, '--dry-run=client', '-o', 'yaml'))),
};

await commands[verb]();
