/** What comes of each, in their order, with so many of them under way at a time. */
export async function eachOf<Item, Outcome>(
  items: readonly Item[],
  atOnce: number,
  work: (item: Item) => Promise<Outcome>,
): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = [];
  const rest = items.entries();
  const lane = async () => {
    for (const [index, item] of rest) outcomes[index] = await work(item);
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
  return outcomes;
}
