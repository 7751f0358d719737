import { describe, expect, test } from 'vitest';
import { compilerAvailable, identical, withBuilt } from '../../traces/build.ts';
import { goldenConsole } from '../../traces/capture.ts';
import { images } from '../../traces/images.ts';

describe.skipIf(!compilerAvailable())('the corpus', () => {
  test('Each committed image is what its sources give, bit for bit', () => {
    const different: string[] = [];
    withBuilt(images, (image, built, kept) => {
      if (!identical(built, kept)) different.push(`${image.folder}/${image.file}`);
    });
    expect(different).toEqual([]);
  });
});

test.each(images.map((image) => image.folder))(
  '%s has a console from QEMU for either interrupt controller',
  (folder) => {
    const image = images.find((i) => i.folder === folder)!;
    for (const gic of [2, 3] as const) expect(goldenConsole(image, gic), `gicv${gic}`).toMatch(/\n$/);
  },
);
