// SASLprep (RFC 4013): two ways to type the same name or password must give the same bytes. The tables of RFC 3454 are stated as properties of
// today's Unicode, which knows more characters than that of 2002; for those it knew the result is the same.

const NON_ASCII_SPACE = /[\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000]/gu; // C.1.2
const MAPPED_TO_NOTHING = /\u034f|\u200d|[\u180b-\u180d]|[\ufe00-\ufe0f]|[\u00ad\u1806\u200c\u2060\ufeff]/gu; // B.1; U+200B is a space by C.1.2
/** C.2 to C.9: controls, private use, non-characters, surrogates, inappropriate for text or display, tags. NFKC leaves no U+0340 and U+0341. */
const PROHIBITED =
  /[\p{Cc}\p{Co}\p{Cs}\p{Noncharacter_Code_Point}\u06dd\u070f\u180e\u2028\u2029\u2060-\u2063\u206a-\u206f\ufff9-\ufffd\u2ff0-\u2ffb\u200e\u200f\u202a-\u202e\u{1d173}-\u{1d17a}\u{e0001}\u{e0020}-\u{e007f}]/u;
const RIGHT_TO_LEFT = /[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}]/u;
const LEFT_TO_RIGHT = /[\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/u;

/** @returns undefined: the text has characters that no name or password may have, or mixes directions. */
export function saslPrep(text: string): string | undefined {
  const prepared = text.replace(NON_ASCII_SPACE, ' ').replace(MAPPED_TO_NOTHING, '').normalize('NFKC');
  if (PROHIBITED.test(prepared)) return undefined;
  return RIGHT_TO_LEFT.test(prepared) && !isRightToLeft(prepared) ? undefined : prepared;
}

/** RFC 3454 §6: right-to-left text begins and ends so, and has nothing of the other direction. */
function isRightToLeft(text: string): boolean {
  const letters = [...text];
  return !LEFT_TO_RIGHT.test(text) && RIGHT_TO_LEFT.test(letters.at(0) ?? '') && RIGHT_TO_LEFT.test(letters.at(-1) ?? '');
}
