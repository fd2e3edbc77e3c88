/** @file Work that goes on side by side and is finished in the order in which it began. */

/** Some pieces of work, begun one after the other. */
export interface InOrder<T> {
  /** Takes work that has begun, and waits until no more than `ahead` pieces are under way. */
  begin(work: Promise<T>): Promise<void>
  /** Waits for all of it. Throws what the first piece that fails throws. */
  end(): Promise<void>
}

/** Work of which up to `ahead` pieces are under way; `finish` takes their results, one after the other. */
export function inOrder<T>(ahead: number, finish: (result: T) => Promise<void>): InOrder<T> {
  const underWay: Promise<T>[] = []
  const settle = async (left: number): Promise<void> => {
    for (let first = underWay[0]; first && underWay.length > left; first = underWay[0]) {
      await finish(await first)
      void underWay.shift()
    }
  }
  return {
    begin(work) {
      // The error is thrown where the result is awaited; when that does not happen any more, nobody misses it.
      work.catch(() => undefined)
      underWay.push(work)
      return settle(ahead)
    },
    end: () => settle(0),
  }
}
