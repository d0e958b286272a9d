// Numbers, sizes, times and dates as a language and its country write them.

export function formats(locale) {
  const count = new Intl.NumberFormat(locale);
  const one = new Intl.NumberFormat(locale, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
  const three = new Intl.NumberFormat(locale, { minimumFractionDigits: 3, maximumFractionDigits: 3 });
  const rate = new Intl.NumberFormat(locale, { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 });
  const moment = new Intl.DateTimeFormat(locale, { dateStyle: "long", timeStyle: "short" });
  const plurals = new Intl.PluralRules(locale);
  const per = new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 0 });
  const list = new Intl.ListFormat(locale, { type: "unit", style: "short" });
  const unit = (name) => new Intl.NumberFormat(locale, { style: "unit", unit: name, unitDisplay: "long" });
  return {
    locale,
    count: (n) => count.format(n),
    list: (things) => list.format(things),
    decimal: (n) => three.format(n),
    rate: (share) => rate.format(share),
    ms: (n) => `${count.format(Math.round(n))} ms`,
    MB: (bytes) => `${one.format(bytes / 1e6)} MB`,
    moment: (when) => moment.format(when),
    // Of { one, two, few, many, other }, the form this number takes.
    plural: (n, forms) => forms[plurals.select(n)] ?? forms.other,
    // The library's own rounding ("63 %", "<1 %", ">99 %") as this language writes it.
    percent(label) {
      const [, sign, number] = /^([<>]?)(\d+)/.exec(label) ?? [];
      return number === undefined ? label : `${sign}${per.format(number / 100)}`;
    },
    // Rounded as one tells a waiting person.
    duration(milliseconds) {
      const seconds = milliseconds / 1000;
      if (seconds < 50) return unit("second").format(Math.max(5, Math.ceil(seconds / 5) * 5));
      if (seconds < 55 * 60) return unit("minute").format(Math.max(1, Math.round(seconds / 60)));
      return unit("hour").format(Math.max(1, Math.round(seconds / 3600)));
    },
  };
}
