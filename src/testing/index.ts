// What tests of other services import. It must not load the server's packages before `createTestTokenfence` is called.
export { type Refusal, type TestAnswer, type TestGuard, testGuard } from './test-guard';
export { type PrincipalArguments, type PrincipalWishes, testPrincipal } from './test-principal';
export {
  type AccountWishes,
  createTestTokenfence,
  type TestAccount,
  type TestTokenfence,
  type TestTokenfenceOptions,
} from './create-test-tokenfence';
