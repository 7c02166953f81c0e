/** One page of a list, after the Relay connection specification. */
export interface Page<T> {
  readonly items: readonly { readonly cursor: string; readonly node: T }[];
  readonly hasNextPage: boolean;
}

export interface PageRequest {
  /** 1 to 100. */
  readonly first: number;
  /** The cursor of the item before the page. */
  readonly after?: string;
}
