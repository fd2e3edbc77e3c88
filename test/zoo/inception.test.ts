import { describeNetwork } from './zoo.cases.ts'

describeNetwork('InceptionV3')
