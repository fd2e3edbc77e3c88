import { describeGradients } from './gradient.cases.ts'

describeGradients('ResNet50')
