/** Files that settings name. What goes wrong is thrown as an Error whose message ends a sentence: "there is no such file". */
export interface Files {
  /** The whole text. */
  text(path: string): string;
  /** What a JSON or YAML file holds. */
  document(path: string): unknown;
}

/** For a runtime without a file system. */
export const noFiles: Files = {
  text: refuse,
  document: refuse,
};

function refuse(): never {
  throw new Error('there are no files here: put its content into the setting itself');
}
