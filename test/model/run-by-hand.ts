import { explore } from './explorer';
import { modelOf, type Rule, RULES } from './model';
import { SCENARIOS } from './scenarios';
import { systemOf } from './system';
const [which, rule] = process.argv.slice(2);
for (const scenario of SCENARIOS) {
  if (which && which !== 'all' && scenario.name !== which) continue;
  for (const r of rule === 'each' ? [...RULES] : [rule as Rule | undefined]) {
    const t = Date.now();
    try {
      const f = explore(systemOf(modelOf(scenario, r)));
      console.log(scenario.name, '|', r ?? '', '|', f.states, f.transitions, f.depth, Date.now() - t, 'ms', f.fault ? 'FAULT ' + f.fault.what + ' ' + f.fault.trace.length : '');
      if (f.fault && rule !== 'each') console.log(f.fault.trace.map((s, i) => `  ${i + 1}. ${s}`).join('\n'));
      if (!r && !f.fault) console.log('   ', [...f.signs].join('; '));
    } catch (e) { console.log(scenario.name, r, (e as Error).message, Date.now() - t); }
  }
}
