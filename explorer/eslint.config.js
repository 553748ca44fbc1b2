import js from "@eslint/js";
import globals from "globals";

const MARKUP = ["innerHTML", "outerHTML", "insertAdjacentHTML", "setHTMLUnsafe", "write", "writeln"];

export default [
  js.configs.recommended,
  {
    rules: {
      eqeqeq: "error",
      "no-eval": "error",
      "no-implied-eval": "error",
      "no-new-func": "error",
      "no-unused-expressions": "error",
      "no-var": "error",
      "prefer-const": "error",
      "no-unused-vars": ["error", { varsIgnorePattern: "^_$" }],
      "no-control-regex": "off",
    },
  },
  {
    files: ["src/**"],
    languageOptions: { globals: globals.browser },
    rules: {
      "no-console": "error",
      "no-restricted-properties": [
        "error",
        ...MARKUP.map((property) => ({
          property,
          message: "what comes from elsewhere is text, never markup",
        })),
      ],
    },
  },
  { files: ["test/browser/**"], rules: { "no-eval": "off" } }, // which is seen to fail
  { files: ["*.js", "test/**"], languageOptions: { globals: { ...globals.node, ...globals.browser } } },
];
