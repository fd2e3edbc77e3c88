import { describeGradients } from './gradient.cases.ts'

describeGradients('VGG16')
describeGradients('VGG19')
