import { settingReader } from '../../src/core/setting-readers';
import { settings } from '../../src/core/settings';

describe('the table of settings', () => {
  test('names each one once, in capitals, with something to say about it', () => {
    const names = settings.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    for (const { name, help } of settings) {
      expect(name).toMatch(/^[A-Z][A-Z_]*[A-Z0-9]$/);
      expect(help).toMatch(/^[A-Z`].*\.$/s);
    }
  });

  test.each(settings.map((setting) => [setting.name, setting.fallback] as const))(
    '%s reads its own default %j',
    (name, fallback) => {
      const faults: string[] = [];
      const value = settingReader({}, faults)(name);
      expect(faults).toEqual([]);
      expect(value === undefined).toBe(fallback === '');
    },
  );

  test('a choice has its default among its choices', () => {
    for (const setting of settings) {
      if ('choices' in setting) expect(setting.choices as readonly string[]).toContain(setting.fallback);
    }
  });
});
