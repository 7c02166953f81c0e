import { modelOf } from './model';
import { FOLLOWER_MUTANTS, HARMLESS_TO_FOLLOWERS } from './mutants';
import { prove } from './prove';
import { FOLLOWER_RULES } from './rules';
import { SCENARIOS, WIDE_SCENARIOS } from './scenarios-followers';
import { FOLLOWER_SIGNS } from './signs';
import { systemOf } from './system';

prove({
  systemOf: (scenario, without) => systemOf(modelOf(scenario, without)),
  scenarios: SCENARIOS,
  wide: WIDE_SCENARIOS,
  signs: FOLLOWER_SIGNS,
  rules: FOLLOWER_RULES,
  mutants: FOLLOWER_MUTANTS,
  harmless: HARMLESS_TO_FOLLOWERS,
});
