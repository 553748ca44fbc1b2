/** Elements of the page. What comes from elsewhere becomes text, never markup. */

/** @typedef {Node | string | number | null | undefined | false} Child */

/**
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Readonly<Record<string, string | boolean | number | ((event: Event) => void)>>} properties attributes, and
 * listeners by their event's name after "on"
 * @param {readonly (Child | readonly Child[])[]} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (value !== false) element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...nodes(children));
  return element;
}

/** @param {readonly (Child | readonly Child[])[]} children */
function nodes(children) {
  return children
    .flat()
    .filter((child) => child !== null && child !== undefined && child !== false)
    .map((child) => (child instanceof Node ? child : String(child)));
}

/**
 * @param {Element} element
 * @param {readonly (Child | readonly Child[])[]} children
 */
export const fill = (element, ...children) => element.replaceChildren(...nodes(children));

/**
 * A link inside of the page.
 * @param {string} route after #
 * @param {readonly Child[]} children
 */
export const link = (route, ...children) => h("a", { href: `#${route}` }, ...children);

/**
 * A link to another site, whose address was checked to begin with http:// or https://.
 * @param {string} url
 * @param {string} text
 */
export const outside = (url, text) =>
  h("a", { href: url, rel: "noopener noreferrer", target: "_blank" }, text);

/**
 * Names and values.
 * @param {readonly (readonly [string, Child | readonly Child[]] | null)[]} rows
 */
export const facts = (rows) =>
  h(
    "dl",
    { class: "facts" },
    rows
      .filter((row) => row !== null)
      .map(([name, value]) =>
        h("div", {}, h("dt", {}, name), h("dd", {}, ...(Array.isArray(value) ? value : [value]))),
      ),
  );
