import { join } from 'node:path';
import type * as TypeScript from 'typescript';

/** The declarations of TypeScript and Node, which are not checked. */
const THEIRS = join(__dirname, '../../node_modules/');

/** By the compiler's version, their kind of module, and their name. */
const read = new Map<string, TypeScript.SourceFile | undefined>();

/** A compiler that checks services. It may be older than the one of this project. */
export type Compiler = typeof TypeScript;

/** Reads the files of others once for all programs. */
function createHost(ts: Compiler, options: TypeScript.CompilerOptions): TypeScript.CompilerHost {
  const host = ts.createCompilerHost(options);
  return {
    ...host,
    getSourceFile(name, how, ...rest) {
      if (!name.startsWith(THEIRS)) return host.getSourceFile(name, how, ...rest);
      const key = `${ts.version} ${typeof how === 'object' ? how.impliedNodeFormat : ''} ${name}`;
      if (!read.has(key)) read.set(key, host.getSourceFile(name, how, ...rest));
      return read.get(key);
    },
  };
}

/**
 * The compiler's errors in these files and in their imports. Declarations are checked too, because everything that
 * they refer to must exist. Only imported types and those of Node are found.
 */
export function faultsOfTypes(
  ts: Compiler,
  files: readonly string[],
  how: Record<string, unknown>,
): string[] {
  const { options, errors } = ts.convertCompilerOptionsFromJson(
    {
      ...{ ...how, target: 'es2022', lib: ['es2022', 'dom'], strict: true, noEmit: true },
      ...{ skipLibCheck: false, types: ['node'], typeRoots: [join(THEIRS, '@types')] },
    },
    THEIRS,
  );
  const program = ts.createProgram(files, options, createHost(ts, options));
  const sources = program.getSourceFiles().filter(({ fileName }) => !fileName.startsWith(THEIRS));
  return [
    ...errors,
    ...program.getOptionsDiagnostics(),
    ...program.getGlobalDiagnostics(),
    ...sources.flatMap((source) => [
      ...program.getSyntacticDiagnostics(source),
      ...program.getSemanticDiagnostics(source),
    ]),
  ].map(
    ({ file, messageText }) =>
      `${file?.fileName ?? ''}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`,
  );
}
