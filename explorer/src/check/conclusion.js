/** What the findings of the checks mean, in words: what is known now, and what is trusted all the same. */

/** @typedef {import("./checks.js").Finding} Finding */
/** @typedef {import("./checks.js").CheckId} CheckId */
/** @typedef {{ verdict: "forgeable" | "proved" | "wrong" | "open", headline: string, known: string[], trusted: string[] }} Conclusion */

/**
 * The kind of an SRS in plain words.
 * @param {boolean} development
 */
export const srsInWords = (development) =>
  development
    ? "development: its secret is published, so anyone can forge proofs. For tests only."
    : "of a ceremony: nobody can forge proofs unless all of its participants worked together.";

/**
 * @param {readonly Finding[]} findings
 * @param {{ developmentSrs: boolean | null, givenKey: boolean, sealed: boolean }} facts `developmentSrs`: null where
 * no key is known
 * @returns {Conclusion}
 */
export function conclude(findings, { developmentSrs, givenKey, sealed }) {
  const outcomes = new Map(findings.map(({ id, outcome }) => [id, outcome]));
  /** @param {CheckId} id */
  const holds = (id) => outcomes.get(id) === "holds";
  const wrong = findings.filter(({ outcome }) => outcome === "fails").map(({ title }) => title);
  const known = [];
  const trusted = [];

  if (holds("proof") && developmentSrs === false) {
    known.push(
      sealed
        ? "The model answers the sealed prompt with these tokens. That follows from the proof, whoever gave it to this page: the node cannot make one up."
        : "The model answers this prompt with these tokens. That follows from the proof, whoever gave it to this page: the node cannot make one up.",
      "The proof was made for this chain, contract, sender and request: it is no copy of another one.",
    );
    trusted.push(
      "That BN254, keccak256 and Poseidon2 are what they are taken for, and that the ceremony of the SRS had one honest participant.",
    );
  }
  if (holds("proof") && developmentSrs !== false) {
    known.push(
      "The proof has the form of a valid one. Under a development SRS that says nothing: anyone can make such a proof of anything.",
    );
  }
  if (holds("proof")) {
    trusted.push(
      givenKey
        ? "That the verifying key that you gave is the model's: zkllm setup --check makes it again from the checkpoint."
        : "That this page's files are what its author exported, and that its verifying key is the model's: zkllm setup --check makes it again from the checkpoint.",
    );
  }
  if (holds("tokens"))
    known.push("The answer's bytes are those of its token ids, by the vocabulary that model_id commits to.");
  if (holds("prompt")) known.push("The prompt's text is that of its token ids, by the same vocabulary.");
  if (holds("call-verify") && !holds("proof"))
    known.push(
      "The node says that the verifier contract accepts the proof. This page has not seen that itself.",
    );
  if (holds("verifier-code"))
    known.push(
      "The node says that the registered verifier is the generated one: it settles what is proved, and nothing else.",
    );
  if (holds("settlement-code"))
    known.push("The settlement contract is the released one, whatever the node says about its code.");
  if (["stored", "call-verify", "verifier-code"].some((id) => holds(/** @type {CheckId} */ (id)))) {
    trusted.push(
      "The node, for what is said above to be its word, and for not keeping anything back. Ask another node to compare.",
    );
  }
  trusted.push(
    "Not shown by any proof: that what the model said is true, and how close the integer program is to the float model.",
  );
  return { ...verdictOf(wrong, holds("proof"), developmentSrs), known, trusted };
}

/**
 * @param {readonly string[]} wrong
 * @param {boolean} proved
 * @param {boolean | null} developmentSrs
 * @returns {Pick<Conclusion, "verdict" | "headline">}
 */
function verdictOf(wrong, proved, developmentSrs) {
  if (wrong.length)
    return { verdict: "wrong", headline: `Do not rely on this claim. What failed: ${wrong.join("; ")}.` };
  if (proved && developmentSrs === false)
    return { verdict: "proved", headline: "The proof holds: this page verified it itself." };
  if (proved)
    return {
      verdict: "forgeable",
      headline: "The proof has the right form, but its SRS is a development one: anyone can forge it.",
    };
  return {
    verdict: "open",
    headline: "This page could not verify the proof itself; what is known rests on the node's word.",
  };
}
