/**
 * The metrics of one operator in one subtask: what its function registers, and what the operator
 * itself counts. Counters are accumulators: their last values are summed over the subtasks into
 * the job's result.
 */
import type { FunctionLogger } from '../../functions/function-context.ts';
import type { MetricGroup } from '../../functions/metric-group.ts';
import { messageOf } from '../../base/errors.ts';
import { MetricRegistry } from '../../metrics/metric-registry.ts';
import type { Accumulator } from '../../protocol/slot-messages.ts';

export class OperatorMetrics {
  readonly operatorId: string;
  readonly operatorName: string;
  readonly registry: MetricRegistry;

  constructor(
    operator: { readonly id: string; readonly name: string },
    logger: Pick<FunctionLogger, 'warn'>,
  ) {
    this.operatorId = operator.id;
    this.operatorName = operator.name;
    this.registry = new MetricRegistry((gauge, error) =>
      logger.warn(`The gauge "${gauge}" has no value: ${messageOf(error)}`),
    );
  }

  /** What the function gets. */
  get group(): MetricGroup {
    return this.registry.root;
  }

  accumulators(): Accumulator[] {
    const operator = this.operatorId;
    return this.registry.counters().map(({ name, value }) => ({ operator, name, value }));
  }
}
