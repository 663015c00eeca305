// The README as npm shows it: npm's page has none of the repository's files, so links and pictures name them where the
// repository has them, at the release's tag.

/**
 * @param {string} text a Markdown document at the repository's root
 * @param {{ repository: string, tag: string }} place the repository as OWNER/NAME, and the tag of the release
 * @returns {string} the same with absolute addresses; headings of the document itself stay as they are
 */
export function packageReadme(text, { repository, tag }) {
  return text.replace(
    /(!?)\[((?:[^[\]]|\[[^\]]*\]\([^)]*\))*)\]\((?!\w+:|#)([^)\s]+)\)/g,
    (_, mark, label, target) => {
      const file =
        mark === "!"
          ? `https://raw.githubusercontent.com/${repository}/${tag}/${target}`
          : `https://github.com/${repository}/blob/${tag}/${target}`;
      return `${mark}[${packageReadme(label, { repository, tag })}](${file})`;
    },
  );
}
