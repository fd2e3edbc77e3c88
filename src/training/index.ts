export { Model, model } from './model.ts'
