import { ConfigError, VqkitError } from "../core/errors.js";

/** The weight that every tokenizer of this network has, under whatever prefix. */
const MARK = "encoder.conv_in.weight";

/** Names of dictionaries with running averages of all weights, which evaluation uses. */
const AVERAGES = /(^|\.)(ema|model_ema|ema_model|module_ema)\.$/;

/**
 * The prefix under which a tokenizer's weights stand among `names`, e.g. `state_dict.` or `model.vqmodel.`. Of several
 * copies the running average is taken.
 *
 * @param wanted the prefix that a person has chosen
 * @returns undefined where there is no such network
 * @throws VqkitError("format") for several; ConfigError at `prefix` for one that is not there
 */
export function prefixOf(
  names: Iterable<string>,
  { wanted, where }: { readonly wanted?: string | undefined; readonly where: string },
): string | undefined {
  const prefixes = [...names].flatMap((name) =>
    name === MARK || name.endsWith(`.${MARK}`) ? [name.slice(0, -MARK.length)] : [],
  );
  if (wanted !== undefined) {
    const prefix = wanted === "" || wanted.endsWith(".") ? wanted : `${wanted}.`;
    if (prefixes.includes(prefix)) return prefix;
    throw new ConfigError("prefix", `expected one of ${quotedList(prefixes)}, got "${wanted}".`);
  }
  const averages = prefixes.filter((prefix) => AVERAGES.test(prefix));
  const chosen = averages.length > 0 ? averages : prefixes;
  if (chosen.length > 1) {
    throw new VqkitError(
      "format",
      `${where}: expected one tokenizer, got ${chosen.length}, under ${quotedList(chosen)}. Choose one (option prefix).`,
    );
  }
  return chosen[0];
}

/** Whether weights under a prefix are a running average. */
export function isAverage(prefix: string): boolean {
  return AVERAGES.test(prefix);
}

function quotedList(texts: readonly string[]): string {
  return texts.length === 0
    ? "none"
    : texts
        .slice(0, 8)
        .map((text) => JSON.stringify(text))
        .join(", ");
}
