#!/usr/bin/env node
// The Solidity compiler (npm's WebAssembly build) behind the two flags of the native `solc` that
// Foundry and py-solc-x use: `--version`, and `--standard-json` from stdin to stdout. The npm package is
// looked up from the working directory, then from here, upwards, then in NODE_PATH.
'use strict';

const { readFileSync } = require('fs');

const VERSION = '0.8.30';

function compiler() {
  let path;
  try {
    path = require.resolve('solc', { paths: [process.cwd(), __dirname] });
  } catch {
    throw new Error(`the npm package solc is missing; run: npm install solc@${VERSION}`);
  }
  const solc = require(path);
  if (!solc.version().startsWith(`${VERSION}+`)) {
    throw new Error(`${path} is solc ${solc.version()}; run: npm install solc@${VERSION}`);
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
