/** Says what is wrong with a line, in the words after "line 7". */
export class LineFault extends Error {}
