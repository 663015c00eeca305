/** Where a method was published. */
export interface Paper {
  readonly title: string;
  /** The arXiv identifier, e.g. "1711.00937". */
  readonly arxiv: string;
}
