import { describeNetwork } from './zoo.cases.ts'

describeNetwork('VGG16')
describeNetwork('VGG19')
