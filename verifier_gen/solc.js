#!/usr/bin/env node
// The Solidity compiler (npm's WebAssembly build) behind the two flags of the native `solc` that
// Foundry and py-solc-x use: `--version`, and `--standard-json` from stdin to stdout. The npm package is
// that of the repository, else of NODE_PATH; never the working directory's, which anybody may have filled.
'use strict';

const { existsSync, readFileSync } = require('fs');
const { delimiter, isAbsolute, join } = require('path');

const VERSION = '0.8.30';

function compiler() {
  const folders = [join(__dirname, '..', 'node_modules'), ...(process.env.NODE_PATH || '').split(delimiter)];
  const path = folders.filter(isAbsolute).map((f) => join(f, 'solc')).find(existsSync);
  if (path === undefined) {
    throw new Error(`no npm package solc in the repository or NODE_PATH; run: npm install -g solc@${VERSION}`);
  }
  const solc = require(path);
  if (!solc.version().startsWith(`${VERSION}+`)) {
    throw new Error(`${path} is solc ${solc.version()}, not ${VERSION}`);
  }
  return solc;
}

function main(args) {
  if (args.includes('--version')) {
    return `solc, the solidity compiler commandline interface\nVersion: ${compiler().version()}\n`;
  }
  if (args.includes('--standard-json')) {
    // Sources come inline, as Foundry and verifier_gen send them: there is no import callback.
    return compiler().compile(readFileSync(0, 'utf8'));
  }
  throw new Error('usage: solc.js --version | --standard-json < input.json');
}

// No process.exit: it would cut the output at the pipe's capacity.
try {
  process.stdout.write(main(process.argv.slice(2)));
} catch (error) {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
