// The names that tests outside this project use: every one of them is there.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { definition } from './vivarium.mjs';

const described = (name) => definition[`vivarium.v1.${name}`].type;
const has = (there, wanted) => assert.deepEqual(wanted.filter((name) => !there.includes(name)), []);

const methods = {
  Execute: ['ExecuteRequest', 'ExecuteResponse', false],
  ExecuteStream: ['ExecuteRequest', 'ExecuteEvent', true],
  Cancel: ['CancelRequest', 'CancelResponse', false],
  ListExecutions: ['ListExecutionsRequest', 'ListExecutionsResponse', false],
  OpenSession: ['OpenSessionRequest', 'OpenSessionResponse', false],
  CloseSession: ['CloseSessionRequest', 'CloseSessionResponse', false],
  ListSessions: ['ListSessionsRequest', 'ListSessionsResponse', false],
  GetScope: ['GetScopeRequest', 'GetScopeResponse', false],
  SetScope: ['SetScopeRequest', 'SetScopeResponse', false],
  Describe: ['DescribeRequest', 'DescribeResponse', false],
};

const fields = {
  ExecuteRequest: `execution_id code session_id scope return_scope limits stdin filename`,
  Limits: `wall_time cpu_time cancel_grace cleanup_grace memory_bytes memory_soft_bytes pids
    output_bytes steps`,
  ExecuteResponse: `execution_id outcome result result_repr stdout stderr error scope manifest
    restore_manifest usage cancellation enforcement session`,
  Error: `type message traceback frames`,
  ExecuteEvent: `started output finished`,
  Started: `execution_id`,
  Output: `stream data`,
  Cancellation: `cause reason delivery requested_ns flag_set_ns hook_reached_ns raised_ns unwound_ns
    killed_ns cleanup_deferred_ns raise_count processes_killed`,
  Manifest: `entries`,
  ManifestEntry: `name path type disposition reason bytes`,
  CancelRequest: `execution_id reason force wait`,
  CancelResponse: `state cancellation`,
  SessionState: `restored restored_from snapshot_age`,
};

const enums = {
  Outcome: `OUTCOME_COMPLETED OUTCOME_RAISED OUTCOME_CANCELLED OUTCOME_WALL_TIME_EXCEEDED
    OUTCOME_CPU_TIME_EXCEEDED OUTCOME_MEMORY_EXCEEDED OUTCOME_OUTPUT_EXCEEDED OUTCOME_STEPS_EXCEEDED
    OUTCOME_WORKER_DIED`,
  Cause: `CAUSE_CANCEL_RPC CAUSE_CALL_CANCELLED CAUSE_CLIENT_GONE CAUSE_DEADLINE CAUSE_WALL_TIME
    CAUSE_CPU_TIME CAUSE_MEMORY CAUSE_OUTPUT CAUSE_STEPS CAUSE_SESSION_CLOSED CAUSE_DRAIN`,
  Delivery: `DELIVERY_COOPERATIVE DELIVERY_KILLED DELIVERY_TOO_LATE`,
  Stream: `STREAM_STDOUT STREAM_STDERR`,
  Disposition: `DISPOSITION_CARRIED DISPOSITION_OMITTED DISPOSITION_FAILED_TO_RESTORE`,
  CancelState: `CANCEL_STATE_CANCELLING CANCEL_STATE_FINISHED CANCEL_STATE_NOT_FOUND`,
  RestoredFrom: `RESTORED_FROM_EVICTION RESTORED_FROM_CRASH RESTORED_FROM_KILL RESTORED_FROM_RESTART
    RESTORED_FROM_OTHER_SUPERVISOR`,
};

test('methods', () => {
  const service = definition['vivarium.v1.Vivarium'];
  for (const [name, [request, response, stream]] of Object.entries(methods)) {
    const method = service[name];
    assert.equal(method.path, `/vivarium.v1.Vivarium/${name}`);
    assert.equal(method.requestType.type.name, request);
    assert.equal(method.responseType.type.name, response);
    assert.equal(method.responseStream, stream);
    assert.equal(method.requestStream, false);
  }
});

for (const [message, names] of Object.entries(fields)) {
  test(`fields of ${message}`, () => {
    has(described(message).field.map((field) => field.name), names.split(/\s+/));
  });
}

for (const [name, values] of Object.entries(enums)) {
  test(`values of ${name}`, () => {
    has(described(name).value.map((value) => value.name), values.split(/\s+/));
  });
}
