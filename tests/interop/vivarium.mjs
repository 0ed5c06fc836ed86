// The service as any gRPC client sees it: loaded from the .proto files.
import { join } from 'node:path';
import grpc from '@grpc/grpc-js';
import loader from '@grpc/proto-loader';

const root = join(import.meta.dirname ?? new URL('.', import.meta.url).pathname, '../..');

const options = {
  keepCase: true,
  longs: String,
  enums: String,
  defaults: true,
  oneofs: true,
  includeDirs: [join(root, 'proto'), '/usr/include', '/usr/share/grpc-proto'],
};

export const definition = loader.loadSync('vivarium/v1/vivarium.proto', options);
export const { vivarium } = grpc.loadPackageDefinition(definition);
export const health = grpc.loadPackageDefinition(
  loader.loadSync('grpc/health/v1/health.proto', options)).grpc.health.v1;

export function reflection(version) {
  const path = `grpc/reflection/${version}/reflection.proto`;
  return grpc.loadPackageDefinition(loader.loadSync(path, options)).grpc.reflection[version];
}

const caps = {
  'grpc.max_receive_message_length': -1,
  'grpc.max_send_message_length': -1,
};

export class Client {
  constructor(target, { tenant, credentials, ...channel } = {}) {
    this.stub = new vivarium.v1.Vivarium(target, credentials ?? grpc.credentials.createInsecure(),
      { ...caps, ...channel });
    this.metadata = new grpc.Metadata();
    if (tenant) this.metadata.set('vivarium-tenant', tenant);
  }

  // A unary call as a promise; `call` is beside it, to cancel.
  call(method, request, options = {}) {
    let call;
    const promise = new Promise((resolve, reject) => {
      call = this.stub[method](request, this.metadata, options,
        (error, response) => (error ? reject(error) : resolve(response)));
    });
    promise.call = call;
    promise.catch(() => {});
    return promise;
  }

  execute(code, fields = {}, options = {}) {
    return this.call('Execute', { code, ...fields }, options);
  }

  stream(code, fields = {}, options = {}) {
    return this.stub.ExecuteStream({ code, ...fields }, this.metadata, options);
  }

  cancel(execution_id, fields = {}) {
    return this.call('Cancel', { execution_id, ...fields });
  }

  // Until the tenant has an execution of this id in this state, or none at all
  // where no state is given.
  async until(execution_id, state) {
    for (;;) {
      const { executions } = await this.call('ListExecutions', {});
      const found = executions.find((e) => e.execution_id === execution_id);
      if (found?.state === state) return found;
      await new Promise((resolve) => { setTimeout(resolve, 5); });
    }
  }

  running(execution_id) {
    return this.until(execution_id, 'EXECUTION_STATE_RUNNING');
  }

  // A call of bytes that no serializer would write.
  raw(path, bytes) {
    return new Promise((resolve, reject) => {
      this.stub.makeUnaryRequest(path, (b) => b, (b) => b, bytes, this.metadata,
        (error, response) => (error ? reject(error) : resolve(response)));
    });
  }

  close() {
    this.stub.close();
  }
}

export const { status, credentials } = grpc;

// For assert.rejects: a gRPC error with this status and a text.
export function refused(...codes) {
  return (error) => {
    if (!codes.includes(error.code) || !error.details) {
      const names = codes.map((code) => status[code]).join(' or ');
      throw new Error(`expected ${names} with a text, got ${status[error.code]}: ${error.details}`);
    }
    return true;
  };
}

export const seconds = (n) => ({ seconds: Math.trunc(n), nanos: Math.round((n % 1) * 1e9) });
