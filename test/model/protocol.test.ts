import { modelOf } from './model';
import { HARMLESS, MUTANTS } from './mutants';
import { prove } from './prove';
import { RULES } from './rules';
import { SCENARIOS } from './scenarios';
import { SIGNS } from './signs';
import { systemOf } from './system';

prove({
  systemOf: (scenario, without) => systemOf(modelOf(scenario, without)),
  scenarios: SCENARIOS,
  signs: SIGNS,
  rules: RULES,
  mutants: MUTANTS,
  harmless: HARMLESS,
});
