/** How operations that go on after their answer are triggered and asked after. */
import type { EngineError } from '../../base/errors.ts';
import type { OperationOutcome } from '../async-operations.ts';
import { notFound } from '../rest-error.ts';
import type { RestError } from '../rest-error.ts';
import { serializedThrowable } from '../serialized-throwable.ts';
import { choice, either, hexId, integer, named, nullable, object, text } from '../shape.ts';
import type { Shape } from '../shape.ts';
import { errorText, exceptionName } from './failures.ts';

export interface FailureCause {
  readonly class: string;
  readonly 'stack-trace': string;
  readonly 'serialized-throwable': string;
}

export const failureCause: Shape<FailureCause> = named(
  'SerializedThrowable',
  object({ class: text, 'stack-trace': text, 'serialized-throwable': text }),
);

export const triggered: Shape<{ readonly 'request-id': string }> = named(
  'TriggerResponse',
  object({ 'request-id': hexId }),
);

interface AsyncAnswer<T> {
  readonly status: { readonly id: 'COMPLETED' | 'IN_PROGRESS' };
  readonly operation: T | { readonly 'failure-cause': FailureCause } | null;
}

export function asyncAnswer<T>(result: Shape<T>): Shape<AsyncAnswer<T>> {
  return object({
    status: object({ id: choice(['COMPLETED', 'IN_PROGRESS']) }),
    operation: nullable(either(result, object({ 'failure-cause': failureCause }))),
  });
}

export function outcomeOf<T>(outcome: OperationOutcome<T> | undefined): AsyncAnswer<T> {
  if (outcome === undefined) return { status: { id: 'IN_PROGRESS' }, operation: null };
  const operation =
    outcome.kind === 'result' ? outcome.result : { 'failure-cause': failureCauseOf(outcome.error) };
  return { status: { id: 'COMPLETED' }, operation };
}

export function failureCauseOf(error: EngineError): FailureCause {
  const data = error.toData();
  const name = exceptionName(data);
  const stack = errorText(data);
  const message = stack.split('\n', 1)[0]!.slice(name.length + 2);
  return {
    class: name,
    'stack-trace': stack,
    'serialized-throwable': serializedThrowable(name, message, stack),
  };
}

/** Of a checkpoint the cause has another name; both are there. */
export const checkpointAnswer: Shape<CheckpointAnswer> = object({
  status: object({ id: choice(['COMPLETED', 'IN_PROGRESS']) }),
  operation: nullable(
    either(
      object({ checkpointId: integer }),
      object({ failureCause, 'failure-cause': failureCause }),
    ),
  ),
});

interface CheckpointAnswer {
  readonly status: { readonly id: 'COMPLETED' | 'IN_PROGRESS' };
  readonly operation:
    | { readonly checkpointId: number | bigint }
    | { readonly failureCause: FailureCause; readonly 'failure-cause': FailureCause }
    | null;
}

export function checkpointOutcomeOf(
  outcome: OperationOutcome<{ readonly checkpointId: number | bigint }> | undefined,
): CheckpointAnswer {
  const { status, operation } = outcomeOf(outcome);
  if (operation === null || !('failure-cause' in operation)) return { status, operation };
  return { status, operation: { ...operation, failureCause: operation['failure-cause'] } };
}

export function operationNotFound(): RestError {
  return notFound(
    'Operation not found under key: org.apache.flink.runtime.rest.handler.async.OperationKey',
  );
}
