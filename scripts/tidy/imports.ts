// Ways to another module that the layer gate's parser does not see, and the export the reader has to guess a name for.
import type { Comment, Node } from 'oxc-parser';
import type { Report } from './source.ts';

export function unseenImport(node: Node, report: Report): void {
  if (node.type === 'TSImportType' || node.type === 'TSImportEqualsDeclaration') report(node.start, 'unseen-import');
  if (node.type === 'ImportExpression' && !(node.source.type === 'Literal' && typeof node.source.value === 'string')) report(node.start, 'computed-import');
}

/** `/// <reference path="..." />` */
export function referencedFile({ value, start }: Comment, report: Report): void {
  if (/^\/\s*<reference\b/.test(value)) report(start, 'unseen-import');
}

export function defaultExport(node: Node, report: Report): void {
  if (node.type === 'ExportDefaultDeclaration') report(node.start, 'default-export');
  if (node.type !== 'ExportNamedDeclaration') return;
  for (const { exported, start } of node.specifiers) {
    if ((exported.type === 'Identifier' ? exported.name : exported.value) === 'default') report(start, 'default-export');
  }
}
