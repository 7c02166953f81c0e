// What the session takes from a browser. The types are our own, so that programs without DOM types can use ours.

/** The Web Locks API. */
export interface Locks {
  request<T>(
    name: string,
    options: { readonly signal?: AbortSignal; readonly steal?: boolean },
    run: () => Promise<T> | T,
  ): Promise<T>;
}

/** A BroadcastChannel. */
export interface Channel {
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  postMessage(message: unknown): void;
  close(): void;
}

type Listen = (type: string, listener: (event: { readonly persisted?: boolean }) => void) => void;

export interface Page {
  readonly addEventListener: Listen;
  readonly removeEventListener: Listen;
}

interface Globals extends Page {
  readonly document?: Page;
  readonly navigator?: { readonly locks?: Locks };
  readonly BroadcastChannel?: new (name: string) => Channel;
}

/** How tabs of a browser meet, and what happens to a page. */
export interface Platform {
  /** Without locks, every tab refreshes for itself. */
  readonly locks?: Locks | undefined;
  readonly openChannel?: ((name: string) => Channel) | undefined;
  /** Tells when the page wakes, and when the network is back. */
  readonly page?: Page | undefined;
}

/** What this browser has. Other programs have no tabs, so they get nothing. */
export function detectPlatform(): Platform {
  const page = globalThis as unknown as Globals;
  const { document, navigator, BroadcastChannel } = page;
  if (!document) return {};
  return {
    locks: navigator?.locks,
    openChannel: BroadcastChannel && ((name) => new BroadcastChannel(name)),
    page,
  };
}
