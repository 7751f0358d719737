// Where in the sources an error of the bundled program comes from. It is loaded when there is one.
import { readFileSync } from 'node:fs';
import { SourceMap } from 'node:module';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const PLACE = /(file:\S+?\.js):(\d+):(\d+)/g;

/** Puts the sources' names and lines into the stack of `error`; where there is no map the bundle's stay. */
export function nameSources(error) {
  if (typeof error?.stack !== 'string') return;
  error.stack = error.stack.replace(PLACE, (place, url, line, column) => {
    try {
      const file = fileURLToPath(url);
      const map = new SourceMap(JSON.parse(readFileSync(`${file}.map`, 'utf8')));
      const { fileName, lineNumber, columnNumber } = map.findOrigin(Number(line), Number(column));
      return fileName ? `${resolve(dirname(file), fileName)}:${lineNumber}:${columnNumber}` : place;
    } catch {
      return place;
    }
  });
}
