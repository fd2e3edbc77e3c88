/** @file The names of the recipes, apart from the code behind them, which no other command needs to load. */
import type { Recipe } from '../transfer/index.ts'

export const RECIPES = ['head', 'fine-tune'] as const satisfies readonly Recipe[]
