import { childrenOf, escapeXml, parseXml, textOf } from '../../src/storage/s3-xml';

test('elements have names, texts and children', () => {
  const root = parseXml(
    '\ufeff<?xml version="1.0" encoding="UTF-8"?>\n<!-- of S3 --><List xmlns="http://s3/" a=\'b\'>\n <Key>a&amp;b &lt;&#65;&#x42;&quot;</Key>\n <Key/><Empty></Empty></List>\n',
  );
  expect(root?.name).toBe('List');
  expect(childrenOf(root, 'Key').map(({ text }) => text)).toEqual(['a&b <AB"', '']);
  expect([textOf(root, 'Empty'), textOf(root, 'Missing'), textOf(undefined, 'Key')]).toEqual([
    '',
    undefined,
    undefined,
  ]);
});

test.each([
  '',
  ' ',
  'text',
  '<a>',
  '</a>',
  '<a></b>',
  '<a></a',
  '<a></a><b></b>',
  '<a></a>text',
  '<a>&unknown;</a>',
  '<a>&</a>',
  '<a>& b;</a>',
  '<a>&#0;</a>',
  '<a>&#x110000;</a>',
  '<a b></a>',
  '<a b="<"></a>',
  '<a></a b/>',
  '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
  '<a><![CDATA[b]]></a>',
  '<a><?b?></a>',
  '<?xml version="1.0"?>',
  '<a>'.repeat(9) + '</a>'.repeat(9),
  `<a>${'<b/>'.repeat(50_001)}</a>`,
])('%.40j is none', (text) => {
  expect(parseXml(text)).toBeUndefined();
});

test.each(['<'.repeat(100_000), `<a ${'b="c" '.repeat(50_000)}`, `<!--${'-'.repeat(200_000)}`, '&'.repeat(100_000)])(
  'what goes on for long is soon refused: %.10j',
  (text) => {
    expect(parseXml(text)).toBeUndefined();
    expect(parseXml(`<a>${text}</a>`)).toBeUndefined();
  },
);

test('what is escaped is read again', () => {
  const text = '<a href="b">&\'</a>';
  expect(textOf(parseXml(`<x><y>${escapeXml(text)}</y></x>`), 'y')).toBe(text);
});
