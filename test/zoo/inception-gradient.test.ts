import { describeGradients } from './gradient.cases.ts'

describeGradients('InceptionV3')
