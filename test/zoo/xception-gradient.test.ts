import { describeGradients } from './gradient.cases.ts'

describeGradients('Xception')
