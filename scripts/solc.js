#!/usr/bin/env node
// The Solidity compiler (npm's WebAssembly build) behind the two flags of the native `solc` that
// Foundry and py-solc-x use: `--version`, and `--standard-json` from stdin to stdout.
'use strict';

const { readFileSync } = require('fs');
const { join } = require('path');

const args = process.argv.slice(2);

function compiler() {
  return require(join(__dirname, '..', 'node_modules', 'solc'));
}

if (args.includes('--version')) {
  process.stdout.write(
    'solc, the solidity compiler commandline interface\n' + `Version: ${compiler().version()}\n`);
} else if (args.includes('--standard-json')) {
  // Sources come inline, as Foundry and verifier_gen send them: there is no import callback.
  // The process ends by itself: process.exit would cut the output at the pipe's capacity.
  process.stdout.write(compiler().compile(readFileSync(0, 'utf8')));
} else {
  process.stderr.write('usage: solc.js --version | --standard-json < input.json\n');
  process.exitCode = 2;
}
