/** A word as a POSIX shell reads it back: a name may hold spaces, quotes and `$`. */
export function shellQuoted(word: string): string {
  return /^[\w./@%+=:,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
