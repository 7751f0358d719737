import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { DOCUMENT, tablesDocument } from '../../src/sql/document_tables.ts';

test('docs/tables.md says what the schema says; node src/sql/document_tables.ts writes it anew', () => {
  expect(readFileSync(DOCUMENT, 'utf8')).toBe(tablesDocument());
});
