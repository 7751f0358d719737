import type { Translation } from '../../src/translate/region/translation.ts';
import { type BackgroundTranslator, TranslatorThread } from '../../src/translate/region/translator_thread.ts';

/** A thread that is waited for, so that what happens does not depend on the host. */
export class AwaitedThread extends TranslatorThread {
  static readonly #never = new Int32Array(new SharedArrayBuffer(4));
  #wait(): void {
    while (super.status === 'starting') Atomics.wait(AwaitedThread.#never, 0, 0, 1);
  }
  override get status(): BackgroundTranslator['status'] {
    this.#wait();
    return super.status;
  }
  override receive(): Translation | 'failed' | undefined {
    for (;;) {
      const translation = super.receive();
      if (translation) return translation;
      Atomics.wait(AwaitedThread.#never, 0, 0, 1);
    }
  }
}
